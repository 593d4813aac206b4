// Writes src/api/generated/*.ts from docs/openapi/*.json: generated on each build, never committed.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const here = dirname(fileURLToPath(import.meta.url));
const documents = join(here, '../../../../docs/openapi');
const out = join(here, '../src/api/generated');
mkdirSync(out, { recursive: true });
const names = readdirSync(documents)
  .filter((name) => name.endsWith('.json'))
  .sort();
for (const file of names) {
  const document = JSON.parse(readFileSync(join(documents, file), 'utf8'));
  for (const path of Object.keys(document.paths)) {
    if (!/^\/api\/(merchant|operator|public)\//.test(path)) delete document.paths[path];
  }
  const text = astToString(
    await openapiTS(document, { alphabetize: true, defaultNonNullable: false }),
  );
  writeFileSync(join(out, file.replace('.json', '.ts')), text);
}
const services = names.map((name) => name.replace('.json', ''));
writeFileSync(
  join(out, 'index.ts'),
  [
    ...services.map((name) => `import type * as ${name} from './${name}';`),
    `export type GeneratedPaths = ${services.map((name) => `${name}.paths`).join(' & ')};`,
    `export type { ${services.join(', ')} };`,
    '',
  ].join('\n'),
);
