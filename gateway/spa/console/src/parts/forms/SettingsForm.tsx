/** A settings page: loads, edits and saves. If somebody else saved first, it says so and shows
 * the latest values. */

import { ApiProblem } from '@shared/problem';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Alert, Button } from 'antd';
import { type ReactNode, useState } from 'react';
import { useText } from '../../texts';
import { Card, PageHead } from '../bits';
import { useSay } from '../say';
import { Failure, Loading } from '../states';
import { EntryForm } from './EntryForm';

/** Somebody else has saved meanwhile. */
const STALE = new Set(['binding.stale_version', 'campaign.changed']);

interface Props<Shape extends { version?: number | undefined }, V extends object> {
  title: string;
  lead: string;
  queryKey: string;
  load: () => Promise<Shape>;
  initial: (shape: Shape) => Partial<V>;
  save: (values: V, shape: Shape) => Promise<unknown>;
  mayWrite: boolean;
  /** a card of another page, which has its own heading */
  isPart?: boolean;
  children: (shape: Shape) => ReactNode;
}

/** The present values, and how they are saved. */
function useSettings<Shape extends { version?: number | undefined }, V extends object>(
  props: Props<Shape, V>,
) {
  const { t } = useText();
  const say = useSay();
  const queries = useQueryClient();
  const [isStale, setStale] = useState(false);
  const [requested, setRequested] = useState(0);
  const found = useQuery({ queryKey: [props.queryKey], queryFn: props.load });
  const save = useMutation({
    mutationFn: (values: V) => props.save(values, found.data as Shape),
    onSuccess: async (answer) => {
      setStale(false);
      const isWaiting = typeof answer === 'object' && answer !== null && 'change_id' in answer;
      say.done(t(isWaiting ? 'bind.awaits' : 'saved'));
      await queries.invalidateQueries({ queryKey: [props.queryKey] });
      await queries.invalidateQueries({ queryKey: ['who'] });
      // Nothing has changed yet: the form shows the present values, not the requested ones.
      if (isWaiting) setRequested((times) => times + 1);
    },
  });
  const send = async (values: V) => {
    try {
      await save.mutateAsync(values);
    } catch (error) {
      if (!(error instanceof ApiProblem && STALE.has(error.code))) throw error;
      setStale(true);
      await queries.invalidateQueries({ queryKey: [props.queryKey] });
    }
  };
  return { found, isStale, requested, isSaving: save.isPending, send };
}

export function SettingsForm<Shape extends { version?: number | undefined }, V extends object>(
  props: Props<Shape, V>,
) {
  const { t } = useText();
  const { found, isStale, requested, isSaving, send } = useSettings(props);
  return (
    <>
      {props.isPart ? null : <PageHead title={props.title} lead={props.lead} />}
      {found.isPending ? (
        <Loading />
      ) : found.isLoadingError ? (
        <Card>
          <Failure error={found.error} retry={() => void found.refetch()} />
        </Card>
      ) : (
        <Card title={props.isPart ? props.title : undefined}>
          {props.isPart ? <p>{props.lead}</p> : null}
          {isStale ? <Alert type="warning" showIcon title={t('settings.conflict')} /> : null}
          <EntryForm<V>
            key={`${found.data.version} ${requested}`}
            style={{ maxWidth: 640 }}
            disabled={!props.mayWrite}
            initialValues={props.initial(found.data)}
            send={send}
          >
            {props.children(found.data)}
            {props.mayWrite ? (
              <Button type="primary" htmlType="submit" loading={isSaving}>
                {t('do.save')}
              </Button>
            ) : null}
          </EntryForm>
        </Card>
      )}
    </>
  );
}
