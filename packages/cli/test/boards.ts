/** Host trees, as files in a folder that goes when the test ends. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

export interface TestDomain {
  readonly name: string;
  readonly memory?: string;
  readonly vpl011?: boolean;
  /** Host physical address of the kernel module; 1 MiB each. */
  readonly kernel: number;
}

/** Source of a host tree with these domains. */
export const hostTree = (domains: readonly TestDomain[]): string => `/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>; interrupt-parent = <&gic>;
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x40000000>; };
	cpus {
		#address-cells = <1>; #size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
	};
	gic: interrupt-controller@8000000 {
		compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>; #address-cells = <0>;
		reg = <0 0x8000000 0 0x1000 0 0x8010000 0 0x2000 0 0x8030000 0 0x2000 0 0x8040000 0 0x2000>;
	};
	timer { compatible = "arm,armv8-timer"; interrupts = <1 13 0xf08 1 14 0xf08 1 11 0xf08 1 10 0xf08>; };
	chosen {
		#address-cells = <2>; #size-cells = <2>;
${domains
  .map(
    ({ name, memory = '<0 0x4000>', vpl011 = true, kernel }) => `		${name} {
			compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
			memory = ${memory}; cpus = <1>; ${vpl011 ? 'vpl011;' : ''}
			module@${kernel.toString(16)} {
				compatible = "multiboot,kernel", "multiboot,module"; reg = <0 0x${kernel.toString(16)} 0 0x100000>;
			};
		};`,
  )
  .join('\n')}
	};
};
`;

/** A folder of the test file's own. */
export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'dom0less-cli-'));

  constructor() {
    afterAll(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Writes a file and gives its path. */
  put(name: string, content: string | Uint8Array): string {
    const path = join(this.path, name);
    writeFileSync(path, content);
    return path;
  }
}
