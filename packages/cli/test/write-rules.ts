/** Writes the generated parts of docs/rules: node tools/run.mjs packages/cli/test/write-rules.ts */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FOLDER, index, page, RULES } from './rules.ts';

for (const code of Object.keys(RULES)) {
  const path = join(FOLDER, `${code}.md`);
  writeFileSync(path, page(code, existsSync(path) ? readFileSync(path, 'utf8') : undefined));
}
writeFileSync(join(FOLDER, 'README.md'), index());
