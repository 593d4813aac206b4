/** Which device is meant: its name and serial number, never its id. */
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { device } from '../api/generated';
import { useSession } from '../session/session';
import { useText } from '../texts';
import { Tag } from './bits';

export type Device = device.components['schemas']['DeviceOut'];
type Shown = Pick<Device, 'sn' | 'name' | 'kind'>;

const PAGE = 100;

/** A device by its id, asked for once; nothing while it is on its way or for who may not see it. */
export function useDevice(deviceId: string | null | undefined): Device | undefined {
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
  const found = new Map<string, Device>();
  for (let page = 1; ; page += 1) {
    const { items, total } = await get('/api/merchant/v1/devices', {
      query: { page, page_size: PAGE },
    });
    for (const one of items) found.set(one.device_id, one);
    if (items.length < PAGE || found.size >= total) return found;
  }
}

/** Id -> what people call the device, for lists and files; an empty text for an unknown one. */
export function useDeviceNames(isNeeded = true): (deviceId: string | null | undefined) => string {
  const { can } = useSession();
  const found = useQuery({
    queryKey: ['devices', 'all'],
    queryFn: all,
    enabled: isNeeded && can('devices.read'),
    staleTime: 60_000,
  });
  return (deviceId) => {
    const one = found.data?.get(deviceId ?? '');
    return one ? (one.name ? `${one.name} (${one.sn})` : one.sn) : '';
  };
}

export function DeviceLabel({ device }: { device: Shown }) {
  const { t } = useText();
  return (
    <span className="row">
      {device.name ? <strong>{device.name}</strong> : null}
      <span className={device.name ? 'mono soft' : 'mono'}>{device.sn}</span>
      {device.kind === 'test_cashier' ? <Tag tone="run">{t('devices.test_cashier')}</Tag> : null}
    </span>
  );
}

/** The device of that id, where only the id is known. */
export function DeviceName({ deviceId }: { deviceId: string | null | undefined }) {
  const found = useDevice(deviceId);
  return found ? <DeviceLabel device={found} /> : <span className="soft">—</span>;
}
