import { ADVICE_DIAGNOSTICS } from './diagnostics/advice.ts';
import { BOOT_SCRIPT_DIAGNOSTICS } from './diagnostics/boot-script.ts';
import { CPU_DIAGNOSTICS } from './diagnostics/cpu.ts';
import { DOMAIN_DIAGNOSTICS } from './diagnostics/domain.ts';
import { HOST_DIAGNOSTICS } from './diagnostics/host.ts';
import { KERNEL_DIAGNOSTICS } from './diagnostics/kernel.ts';
import { MODULE_DIAGNOSTICS } from './diagnostics/module.ts';
import { OWN_DIAGNOSTICS } from './diagnostics/own.ts';
import { PASSTHROUGH_DIAGNOSTICS } from './diagnostics/passthrough.ts';
import { SHARING_DIAGNOSTICS } from './diagnostics/sharing.ts';
import { XEN_VERSION_DIAGNOSTICS } from './diagnostics/xen-version.ts';

/** Every diagnostic that this package can produce: code → row. */
export const DIAGNOSTICS = {
  ...HOST_DIAGNOSTICS,
  ...DOMAIN_DIAGNOSTICS,
  ...CPU_DIAGNOSTICS,
  ...SHARING_DIAGNOSTICS,
  ...OWN_DIAGNOSTICS,
  ...PASSTHROUGH_DIAGNOSTICS,
  ...MODULE_DIAGNOSTICS,
  ...KERNEL_DIAGNOSTICS,
  ...BOOT_SCRIPT_DIAGNOSTICS,
  ...ADVICE_DIAGNOSTICS,
  ...XEN_VERSION_DIAGNOSTICS,
};

/** Stable name of a diagnostic. */
export type DiagnosticCode = keyof typeof DIAGNOSTICS;
