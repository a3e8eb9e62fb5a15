import { assemble } from '@dom0less/arm64-cpu';
import { compileDts } from '@dom0less/fdt';
import { Board, formatBoardDiagnostic, runPcpu } from '../src/index.ts';

const kernel = assemble(`
    b start
    .word 0
    .quad 0, 0x1000, 2, 0, 0, 0       // arm64 Image: text_offset, image_size, flags
    .word 0x644d5241, 0               // "ARM\\x64"
start: ldr x1, =0x22000000            // the domain's UART
    adr x2, text
1:  ldrb w0, [x2], #1
    cbz w0, 2f
    str w0, [x1]
    b 1b
2:  ldr x0, =0x84000008               // PSCI SYSTEM_OFF
    hvc #0
text: .asciz "hello"`).bytes;

const tree = compileDts(`/dts-v1/;
/ {
	#address-cells = <2>; #size-cells = <2>;
	memory@40000000 { device_type = "memory"; reg = <0 0x40000000 0 0x20000000>; };
	cpus { #address-cells = <1>; #size-cells = <0>;
		cpu@0 { device_type = "cpu"; compatible = "arm,cortex-a57"; reg = <0>; };
	};
	gic@8000000 { compatible = "arm,gic-400"; interrupt-controller; #interrupt-cells = <3>; reg = <0 0x8000000 0 0x1000>; };
	chosen {
		#address-cells = <2>; #size-cells = <2>;
		domU1 {
			compatible = "xen,domain"; #address-cells = <2>; #size-cells = <2>;
			memory = <0 0x4000>; cpus = <1>; vpl011;
			module@50000000 {
				compatible = "multiboot,kernel", "multiboot,module";
				reg = <0 0x50000000 0 ${kernel.length}>; bootargs = "console=ttyAMA0";
			};
		};
	};
};`);

const { board, diagnostics } = Board.prepare({ tree, modules: new Map([[0x50000000, kernel]]) });
for (const diagnostic of diagnostics) console.log(formatBoardDiagnostic(diagnostic));
board?.subscribe((event) => {
  if (event.type === 'console') console.log(event.domain, new TextDecoder().decode(event.bytes));
  if (event.type === 'domain') console.log(event.name, event.state);
});
// In a worker, in earnest: post it `board.pcpuInit(0)`, and call `board.pump()` at each of its notes.
if (board) runPcpu(board.pcpuInit(0), { notify: () => {} });
board?.pump();
