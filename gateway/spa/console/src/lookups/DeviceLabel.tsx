/** Shows a device by its name and serial number, never by its id. */
import type { device } from '../api/generated';
import { Tag } from '../parts/bits';
import { useText } from '../texts';

export type Device = device.components['schemas']['DeviceOut'];
type Shown = Pick<Device, 'sn' | 'name' | 'kind'>;

export function DeviceLabel({ device }: { device: Shown }) {
  const { t } = useText();
  return (
    <span className="row">
      {device.name ? <strong className="whole">{device.name}</strong> : null}
      <span className={device.name ? 'mono soft' : 'mono'} data-verbatim>
        {device.sn}
      </span>
      {device.kind === 'test_cashier' ? <Tag tone="run">{t('devices.test_cashier')}</Tag> : null}
    </span>
  );
}
