export { guestCacheDir } from './cache-dir.ts';
export { type CpioEntry, writeCpio } from './cpio.ts';
export {
  type DebianGuests,
  type DebianOptions,
  debianCodename,
  fetchDebianGuests,
  KERNEL_FLAVOURS,
  type KernelFlavour,
} from './debian.ts';
export { type GuestFetchCode, GuestFetchError } from './errors.ts';
export { type FindGuestsOptions, findGuests, type GuestSearch, type Guests } from './find-guests.ts';
export { INIT_SCRIPT, type InitramfsParts, makeInitramfs, UP_MARKER } from './initramfs.ts';
export { fetchPackages, type PackageRoot } from './packages.ts';
export { treeEntries } from './root-tree.ts';
