/** Time from the start of the process to a guest's first output: a guest whose first instructions write it. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { smallGuest } from '../../src/small-guests/index.ts';
import { shape } from './measure.ts';
import { runFor, type Used, watchProcess } from './measured-process.ts';
import type { Subject } from './subjects.ts';

const SECONDS = 60;

/** Writes the guest's image to `work`, and runs it to its end, which leaves code for later starts; gives how to measure one. */
export async function startMeasurement(subject: Subject, work: string): Promise<() => Promise<Used>> {
  const image = smallGuest('banner');
  const kernel = join(work, 'banner');
  const ramdisk = join(work, 'nothing');
  writeFileSync(kernel, image);
  writeFileSync(ramdisk, new Uint8Array(4096));
  const board = shape(image.length, 4096, { memoryMiB: 64 });
  await runFor(subject.command(board, { kernel, ramdisk }), SECONDS);
  return async () => {
    let first: Used | undefined;
    await watchProcess(subject.command(board, { kernel, ramdisk }), SECONDS, (line, process) => {
      if (!line.includes('banner:')) return;
      first = process.used();
      process.stop();
    });
    if (first === undefined) throw new Error('the guest said nothing');
    return first;
  };
}
