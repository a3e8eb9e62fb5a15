import { compileDts } from '@dom0less/fdt';
import { formatDiagnostic, guestRamBanks, parseBootPlan, placeImages } from '../src/index.ts';

const domain = (name: string, memory: string) => `
  ${name} {
    compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
    memory = ${memory}; cpus = <1>; vpl011;
    module@50000000 {
      compatible = "multiboot,kernel", "multiboot,module";
      reg = <0 0x50000000 0 0x1a00000>; bootargs = "console=ttyAMA0";
    };
  };`;
const source = `/dts-v1/;
/ {
  #address-cells = <2>; #size-cells = <2>;
  memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x80000000>; };
  cpus { #address-cells = <1>; #size-cells = <0>;
    cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
  };
  intc@8000000 { compatible = "arm,gic-v3"; interrupt-controller; };
  chosen { ${domain('domU1', '<0x20000>')} ${domain('domU2', '<0 0x20000>')} };
};`;

const { plan, diagnostics } = parseBootPlan(compileDts(source));
for (const diagnostic of diagnostics) console.log(formatDiagnostic(diagnostic));
for (const domain of plan.domains) {
  if (!domain.valid) continue;
  const banks = guestRamBanks(domain.memoryKiB);
  const kernel = { textOffset: 0, fileSize: domain.modules.kernel.size, imageSize: 0x2000000 };
  console.log(domain.name, placeImages({ banks, kernel, dtbSize: 4096, initrdSize: 0 }));
}
