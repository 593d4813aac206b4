/** Devices by id, for pages that have nothing but the id. */
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { get } from '../api/client';
import { Id } from '../parts/bits';
import { everything } from '../parts/lists/walk';
import { useSession } from '../session/session';
import { useText } from '../texts';
import { type Device, DeviceLabel } from './DeviceLabel';

/** A device by its id, loaded once. Nothing while it is loading, or for a person who may not see
 * it. */
function useDevice(deviceId: string | null | undefined): Device | undefined {
  const { can } = useSession();
  const found = useQuery({
    queryKey: ['devices', 'one', deviceId],
    queryFn: () =>
      get('/api/merchant/v1/devices/{device_id}', { path: { device_id: deviceId ?? '' } }),
    enabled: Boolean(deviceId) && can('devices.read'),
    staleTime: 60_000,
  });
  return found.data;
}

async function all(): Promise<Map<string, Device>> {
  const rows = await everything<Device>({
    load: (query) => get('/api/merchant/v1/devices', { query }),
    keyOf: (one) => one.device_id,
  });
  return new Map((rows ?? []).map((one) => [one.device_id, one]));
}

const ALL = { queryKey: ['devices', 'all'], queryFn: all, staleTime: 60_000 };

/** The device's number in a list. If the column is hidden, it is not loaded. */
export function DeviceNumber({ deviceId }: { deviceId: string | null | undefined }) {
  const { t } = useText();
  const { can } = useSession();
  const found = useQuery({ ...ALL, enabled: can('devices.read') });
  const sn = deviceId ? found.data?.get(deviceId)?.sn : undefined;
  return <Id value={sn} label={t('orders.device')} isShort />;
}

/** For an export: `load` loads the numbers of all devices, `sn` returns one of them. */
export function useDeviceNumbers() {
  const queries = useQueryClient();
  const { can } = useSession();
  const may = can('devices.read');
  const sn = useCallback(
    (id: string | null | undefined) =>
      id ? queries.getQueryData<Map<string, Device>>(ALL.queryKey)?.get(id)?.sn : undefined,
    [queries],
  );
  const load = useCallback(
    async () => (may ? await queries.ensureQueryData(ALL) : undefined),
    [may, queries],
  );
  return { sn, load };
}

/** The device of that id, where only the id is known. */
export function DeviceName({ deviceId }: { deviceId: string | null | undefined }) {
  const found = useDevice(deviceId);
  return found ? <DeviceLabel device={found} /> : <span className="soft">—</span>;
}
