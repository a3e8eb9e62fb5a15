import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { smallGuest } from '../src/small-guests/index.ts';
import { Folder } from './boards.ts';
import { Command } from './command.ts';

const readme = readFileSync(fileURLToPath(new URL('../README.md', import.meta.url)), 'utf8');
const block = (language: string, nth = 0): string =>
  [...readme.matchAll(/```(\w*)\n([\s\S]*?)```/g)].filter((found) => found[1] === language)[nth]![2]!;

it("the README's example boots the kernel in Image and logs its console", async () => {
  const folder = new Folder();
  folder.put('board.dts', block('dts'));
  folder.put('Image', smallGuest('banner'));
  const [name, ...args] = block('sh', 1).trim().split(' ');
  expect(name).toBe('dom0less');
  const inFolder = args.map((arg) =>
    arg
      .replace('board.dts', join(folder.path, 'board.dts'))
      .replace('=Image', `=${join(folder.path, 'Image')}`)
      .replace(/^logs$/, join(folder.path, 'logs')),
  );
  const command = new Command(inFolder);
  expect(await command.exited).toBe(0);
  expect(command.stderr).not.toContain('error');
  expect(readFileSync(join(folder.path, 'logs', 'domU1.log'), 'latin1')).toContain('banner: a guest');
});
