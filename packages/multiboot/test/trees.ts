import { readFileSync } from 'node:fs';
import { compileDts, type DeviceTree } from '@dom0less/fdt';
import { type ParsedBootPlan, type ParseOptions, parseBootPlan } from '../src/index.ts';

/** Source text of a fixture, e.g. `refused/mem1cell`. */
export const fixture = (name: string): string =>
  readFileSync(new URL(`./fixtures/${name}.dts`, import.meta.url), 'utf8');

/** What surrounds /chosen in trees that tests write by hand. */
const BOARD = `
/dts-v1/;
/ {
  #address-cells = <2>; #size-cells = <2>; interrupt-parent = <1>;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x80000000>; };
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
  };
  gic: intc@8000000 { compatible = "arm,gic-v3"; interrupt-controller; #interrupt-cells = <3>; phandle = <1>; };
};
`;

/** A kernel module at 0x50000000. */
export const KERNEL = `module@50000000 { compatible = "multiboot,kernel", "multiboot,module";
  reg = <0 0x50000000 0 0x1000000>; bootargs = "console=ttyAMA0"; };`;

/** Properties that every domain needs. */
export const BASICS =
  'compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>; memory = <0 0x20000>; cpus = <1>; vpl011;';

/** A board whose /chosen has this content; `more` is source text that follows. */
export const board = (chosen: string, more = ''): DeviceTree =>
  compileDts(`${BOARD}/ { chosen { ${chosen} }; };${more}`);

/** A board with one domain, domU1: the usual properties, then `content`, which may change them, then a kernel. */
export const domain = (content: string): DeviceTree => {
  const block = (text: string) => `/ { chosen { domU1 { ${text} }; }; };`;
  return board(`domU1 { ${BASICS} };`, block(content) + block(KERNEL));
};

/** Codes and places of the diagnostics: `code path property`. */
export const brief = ({ diagnostics }: ParsedBootPlan): string[] =>
  diagnostics.map(({ code, path, property }) => [code, path, property].filter(Boolean).join(' '));

/** Parses a board with one domain, and returns its plan and the codes of all diagnostics. */
export const parseDomain = (content: string, options: ParseOptions = {}) => {
  const parsed = parseBootPlan(domain(content), options);
  return { domain: parsed.plan.domains[0]!, codes: parsed.diagnostics.map(({ code }) => code), ...parsed };
};
