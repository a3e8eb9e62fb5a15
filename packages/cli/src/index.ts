export { main } from './cli.ts';
export { EXIT } from './errors.ts';
export {
  type FindGuestsOptions,
  findGuests,
  type GuestFetchCode,
  GuestFetchError,
  type GuestSearch,
  type Guests,
  type KernelFlavour,
} from './guests/index.ts';
export { type CliIo, type EndSignal, type Input, nodeIo, type Output } from './io.ts';
export type { PcpuThread, PcpuWork, StartPcpu } from './pcpu-thread.ts';
export { startPcpuThread } from './pcpu-thread.ts';
export { SMALL_GUESTS, type SmallGuest, smallGuest, smallGuestSource } from './small-guests/index.ts';
