/**
 * Benchmark: a Debian kernel in a domU, from its first instruction to the marker that init prints. Prints guest
 * instructions, host CPU seconds, and millions of instructions a second over the whole boot. Argument: how many boots.
 */
import { readFile } from 'node:fs/promises';
import { stateOffset } from '@dom0less/arm64-cpu';
import { Board, Pcpu } from '@dom0less/hypervisor';
import { findGuests, UP_MARKER } from '../src/guests/index.ts';
import { hostBoard } from '../src/host-tree.ts';

const MEMORY_MIB = 256;

const search = await findGuests();
if (!search.found) throw new Error(search.reason);
const kernel = await readFile(search.guests.kernel);
const ramdisk = search.guests.ramdisk === undefined ? undefined : await readFile(search.guests.ramdisk);
console.log(search.guests.description);

function boot(): { instructions: number; seconds: number } {
  const bootargs = 'console=ttyAMA0 name=domU1';
  const input = hostBoard([{ name: 'domU1', memoryMiB: MEMORY_MIB, bootargs, kernel, ramdisk }]);
  const cpu = process.cpuUsage();
  const { board, diagnostics } = Board.prepare(input);
  if (!board) throw new Error(`the board can't boot: ${JSON.stringify(diagnostics)}`);
  let text = '';
  board.subscribe((event) => {
    if (event.type === 'console') text = (text + new TextDecoder().decode(event.bytes)).slice(-4096);
  });
  const init = board.pcpuInit(0);
  let news = false;
  const notify = (): void => {
    news = true;
  };
  const pcpu = new Pcpu(init, { notify });
  while (!text.includes(UP_MARKER)) {
    if (pcpu.step() === 'done') throw new Error(`the domain ended before its marker: ${text}`);
    if (news) {
      news = false;
      board.pump();
    }
  }
  const used = process.cpuUsage(cpu);
  const view = new DataView(init.memory.buffer);
  const counter = init.domains[0]!.layout.vcpus[0]!.state + stateOffset('instructions');
  const instructions = Number(view.getBigUint64(counter, true));
  board.stop();
  return { instructions, seconds: (used.user + used.system) / 1e6 };
}

const rounds = Number(process.argv[2] ?? 3);
for (let n = 1; n <= rounds; n++) {
  const { instructions, seconds } = boot();
  const mips = instructions / seconds / 1e6;
  console.log(
    `boot ${n}: ${(instructions / 1e6).toFixed(0)} M instructions, ${seconds.toFixed(2)} s CPU, ${mips.toFixed(0)} MIPS`,
  );
}
