/** Which devices of a board there are models of. */
import type { HostDevice } from '@dom0less/multiboot';
import type { DeviceModel } from './device.ts';
import { LOOPBACK_UART } from './loopback-uart.ts';
import { PL031 } from './pl031.ts';
import { PL061 } from './pl061.ts';

/** By the name in compatible. */
const MODELS: ReadonlyMap<string, DeviceModel> = new Map(
  [PL031, PL061, LOOPBACK_UART].map((model) => [model.compatible, model]),
);

/** Names of the devices that there are models of. */
export const MODELLED: readonly string[] = [...MODELS.keys()];

/** The model called `compatible`. Throws if there is none: who asks has it from {@link modelOf}. */
export const modelNamed = (compatible: string): DeviceModel => {
  const model = MODELS.get(compatible);
  if (model === undefined) throw new Error(`there is no model of ${compatible}`);
  return model;
};

/** The model of a host device, by the first name in its compatible that there is one of. */
export const modelOf = (device: HostDevice): DeviceModel | undefined => {
  for (const name of device.compatible) {
    const model = MODELS.get(name);
    if (model !== undefined) return model;
  }
  return undefined;
};
