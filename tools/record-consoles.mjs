#!/usr/bin/env node
// Records docs/consoles.svg: boots two domUs, types a few commands into each, and draws the last lines of both consoles.
// Needs a build and Debian's guests, as `npm start` does.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const SECONDS = 30;
const LINES = 14;
const COLUMNS = 58;
const PROMPT = (name) => `${name}:/root# `;
/** What is typed behind which prompt; the last output that ends the recording. */
const SCRIPT = {
  domU1: [
    [PROMPT('domU1'), 'uname -rm\\n'],
    ['aarch64\\r\\n', 'tr "\\\\0" "\\\\n" < /proc/device-tree/chosen/bootargs\\n'],
  ],
  domU2: [
    [PROMPT('domU2'), 'grep -E "timer|uart" /proc/interrupts\\n'],
    ['uart-pl011\\r\\n', 'poweroff -f\\n'],
  ],
};

function record() {
  const sends = Object.entries(SCRIPT).flatMap(([domain, steps]) =>
    steps.flatMap(([after, text]) => ['--send', `${domain}=${after}=${text}`]),
  );
  const expects = [
    '--expect',
    'domU1=\\nconsole=ttyAMA0 name=domU1',
    '--expect',
    'domU2=Power down',
    '--timeout',
    String(SECONDS),
  ];
  const args = [join(ROOT, 'packages/cli/dist/main.cjs'), 'start', '--json', ...sends, ...expects];
  const consoles = { domU1: '', domU2: '' };
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const event of lines.map((line) => JSON.parse(line))) {
        if (event.event === 'console') consoles[event.domain] += Buffer.from(event.base64, 'base64').toString();
      }
    });
    child.on('close', (code) => (code === 0 ? resolve(consoles) : reject(new Error(`the boot ended with ${code}`))));
  });
}

const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function terminal(name, text, x) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the shell asks for the cursor's place
  const plain = text.replaceAll('\r', '').replace(/\x1b\[[0-9;]*[a-zA-Z]/g, '');
  const lines = plain.split('\n').slice(-LINES);
  const rows = lines
    .map(
      (line, n) =>
        `<text x="${x + 14}" y="${66 + 18 * n}" xml:space="preserve">${escapeXml(line.slice(0, COLUMNS))}</text>`,
    )
    .join('\n');
  return `<rect x="${x}" y="12" width="476" height="${58 + 18 * LINES}" rx="8" fill="#17191f"/>
<rect x="${x}" y="12" width="476" height="28" rx="8" fill="#2c303b"/>
<text x="${x + 14}" y="31" font-weight="bold" fill="#ffffff">${name}</text>
<g fill="#d4d7dd">${rows}</g>`;
}

const consoles = await record();
const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 990 ${82 + 18 * LINES}" font-family="monospace" font-size="12.5">
<title>Two domUs, booted from one host device tree, each with a shell on its own console</title>
${terminal('domU1', consoles.domU1, 12)}
${terminal('domU2', consoles.domU2, 502)}
</svg>
`;
writeFileSync(join(ROOT, 'docs/consoles.svg'), svg);
console.log('docs/consoles.svg');
