/** Exports a whole list as a file, with the texts of its columns. */
import { useState } from 'react';
import type { Query } from '../../api/client';
import { useText } from '../../texts';
import { useSay } from '../say';
import type { Column } from './columns';
import { csv, download, fileName } from './csv';
import { everything, type Listed } from './walk';

const EXPORT_LIMIT = 10_000;

interface Exported<T> {
  title: string;
  columns: Column<T>[];
  load: (query: Query) => Promise<Listed<T>>;
  rowKey: (row: T) => string;
  /** loads what the cells need beside the rows */
  prepare?: (() => Promise<unknown>) | undefined;
}

export function useExport<T>(list: Exported<T>) {
  const { t } = useText();
  const say = useSay();
  const [progress, setProgress] = useState<{ done: number; total: number } | null>(null);
  const run = async (filtered: Query) => {
    const { page: _, page_size: __, cursor: ___, back: ____, ...query } = filtered;
    const columns = list.columns.filter((one) => one.text);
    setProgress({ done: 0, total: 0 });
    try {
      await list.prepare?.();
      const rows = await everything({
        load: list.load,
        keyOf: list.rowKey,
        query,
        limit: EXPORT_LIMIT,
        onProgress: setProgress,
      });
      if (rows === null) {
        say.warned(t('list.export_limited', { limit: EXPORT_LIMIT }));
        return;
      }
      const cells = rows.map((row) => columns.map((one) => one.text?.(row)));
      download(fileName(list.title), csv([columns.map((one) => one.title), ...cells]));
      say.done(t('list.exported', { count: rows.length }));
    } catch (error) {
      say.failed(error);
    } finally {
      setProgress(null);
    }
  };
  return { progress, run };
}
