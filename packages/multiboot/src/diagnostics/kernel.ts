import { defineDiagnostics } from './row.ts';

/** Diagnostics about kernel images and where they go in guest memory. */
export const KERNEL_DIAGNOSTICS = defineDiagnostics({
  'kernel-unknown': {
    severity: 'error',
    message: 'the kernel image of {size} bytes, beginning {found}, is in no known format',
    remedy: 'use an arm64 Image, a gzip-compressed one, a uImage of these, or an EFI zboot image',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'kernel-big-endian': {
    severity: 'error',
    message: 'the kernel is built big-endian; the CPUs are little-endian only',
    remedy: 'build the kernel with CONFIG_CPU_LITTLE_ENDIAN',
    xen: 'starts it',
  },
  'kernel-aarch32': {
    severity: 'error',
    message: 'the image is a 32-bit kernel ({format}); the CPUs run AArch64 only',
    remedy: 'use an arm64 kernel',
    xen: 'starts it on CPUs that have AArch32 at EL1',
  },
  'kernel-nested': {
    severity: 'error',
    message: 'the image is compressed or wrapped more than once ({format})',
    remedy: 'unpack the outer layer',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'kernel-too-large': {
    severity: 'error',
    message: 'the image unpacks to more than {limit} bytes',
    remedy: 'check the file: a kernel that unpacks to so much is none',
    xen: 'fails to allocate and panics',
  },
  'kernel-image-size': {
    severity: 'error',
    message: 'the header of the arm64 Image has {name} = {found}, which no memory can hold',
    remedy: 'check the file: its header is damaged',
    xen: 'does not read image_size',
  },
  'kernel-image-size-missing': {
    severity: 'info',
    message: 'the header gives no image_size (a kernel before Linux 3.17); the size of the file is used',
    remedy: 'give the domain ample memory: what the kernel needs behind its file is not known',
    xen: 'always uses the size of the file',
  },
  'kernel-truncated': {
    severity: 'warning',
    message: 'the image has {found} bytes, its own section table needs {expected}: it is cut off',
    remedy: 'load the whole file, and give its size in reg',
    xen: 'starts it; the guest dies',
  },
  'kernel-elf': {
    severity: 'error',
    message: 'the image is an ELF file, as vmlinux is',
    remedy: 'use arch/arm64/boot/Image of the same build',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'gzip-corrupt': {
    severity: 'error',
    message: 'the gzip-compressed image is damaged or cut off: {detail}',
    remedy: 'check the file, and that reg gives at least its size',
    xen: 'panics: Could not set up domain',
  },
  'gzip-padded': {
    severity: 'warning',
    message: '{found} bytes follow the end of the gzip data at {expected}; they are ignored',
    remedy: 'give {expected} as the size in reg',
    xen: 'takes the last four bytes of the declared module for the unpacked size, a random number here',
  },
  'uimage-invalid': {
    severity: 'error',
    message: 'the uImage header is not usable: {detail}',
    remedy: 'make the image again with mkimage -A arm64 -C none or gzip',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'uimage-padded': {
    severity: 'info',
    message: '{found} bytes follow the data of the uImage; they are ignored',
    remedy: 'give {expected} as the size in reg',
    xen: 'ignores them',
  },
  'uimage-data-checksum': {
    severity: 'warning',
    message: 'the data of the uImage does not have the checksum that its header gives',
    remedy: 'copy the file again, or make it again with mkimage: the image may be damaged',
    xen: 'does not check it',
  },
  'zboot-invalid': {
    severity: 'error',
    message: 'the EFI zboot header puts {size} bytes of payload at {offset}; the image has {found} bytes',
    remedy: 'check the file, and that reg gives at least its size',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'zboot-compression': {
    severity: 'error',
    message: 'the payload of the EFI zboot image is compressed with {compression}; gzip can be unpacked',
    remedy: 'use arch/arm64/boot/Image of the same build, or build the kernel with CONFIG_KERNEL_GZIP',
    xen: 'panics: Could not set up domain (rc = -22)',
  },
  'placement-no-memory': {
    severity: 'error',
    message: 'the guest has no RAM bank',
    remedy: 'give the domain memory',
    xen: 'panics',
  },
  'placement-outside': {
    severity: 'error',
    message: 'the kernel wants [{start}, {end}), which is not inside the first RAM bank [{bankStart}, {bankEnd})',
    remedy: 'give the domain more memory, or change the load address of the image',
    xen: 'panics while loading the kernel',
  },
  'placement-bank-too-small': {
    severity: 'error',
    message:
      'the first RAM bank of {bank} bytes cannot hold kernel {kernel} + device tree {dtb} + ramdisk {initrd} = {sum} bytes, each rounded up to 2 MiB',
    remedy: 'give the domain at least {kib} KiB',
    xen: 'panics: Not enough memory in the first bank for the kernel+dtb+initrd',
  },
  'placement-no-room': {
    severity: 'error',
    message:
      'no place for device tree {dtb} + ramdisk {initrd} = {sum} bytes: bank [{bankStart}, {bankEnd}), kernel [{start}, {end})',
    remedy: 'give the domain more memory, or a smaller ramdisk',
    xen: 'panics: Unable to find suitable location for dtb+initrd',
  },
});
