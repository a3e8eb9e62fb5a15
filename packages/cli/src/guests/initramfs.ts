import { type CpioEntry, writeCpio } from './cpio.ts';

/** What a domain's console shows once its init runs; kernel release and domain name follow on the same line. */
export const UP_MARKER = 'DOMU-UP';

/** Sourced by the shell: a name for the prompt, and commands that act at once since no init system is there to ask. */
const SHELL_RC = `PS1="$(hostname):\\w# "
alias poweroff='busybox poweroff -f'
alias halt='busybox poweroff -f'
alias reboot='busybox reboot -f'
`;

/**
 * The script that the kernel starts as PID 1. It names the domain after `name=` on the kernel's command line, says
 * `DOMU-UP <kernel release> <domain>`, and gives the console's keyboard to a shell with job control. Leaving the shell
 * powers the domain off.
 */
export const INIT_SCRIPT = `#!/bin/busybox sh
/bin/busybox mkdir -p /proc /sys /dev /tmp /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox --install -s /bin
export PATH=/bin HOME=/root TERM="\${TERM:-linux}" ENV=/etc/shrc
domain=domU
for word in $(cat /proc/cmdline); do
  case "$word" in name=?*) domain="\${word#name=}" ;; esac
done
hostname "$domain"
echo "${UP_MARKER} $(uname -r) $domain"
cd /root
setsid cttyhack sh -i
sync
poweroff -f
`;

/** What goes into {@link makeInitramfs}. */
export interface InitramfsParts {
  /** A statically linked arm64 busybox. */
  readonly busybox: Uint8Array;
  /** Text of `/init`; {@link INIT_SCRIPT} unless given. */
  readonly init?: string;
  /** Further members, put after the standard ones. */
  readonly extra?: readonly CpioEntry[];
}

/** Builds an uncompressed initramfs: busybox, `/init`, and the directories that it mounts on. Equal parts give equal bytes. */
export function makeInitramfs(parts: InitramfsParts): Uint8Array {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const directories = ['bin', 'dev', 'etc', 'proc', 'root', 'sys', 'tmp'];
  return writeCpio([
    ...directories.map((path): CpioEntry => ({ type: 'directory', path, mode: 0o755 })),
    { type: 'character-device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 },
    { type: 'file', path: 'bin/busybox', mode: 0o755, data: parts.busybox },
    { type: 'symlink', path: 'bin/sh', target: 'busybox' },
    { type: 'file', path: 'etc/shrc', mode: 0o644, data: text(SHELL_RC) },
    { type: 'file', path: 'init', mode: 0o755, data: text(parts.init ?? INIT_SCRIPT) },
    ...(parts.extra ?? []),
  ]);
}
