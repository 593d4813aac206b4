// After a build: compressed twins beside the files, and the budget of what a first visit loads.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const BUDGET_KIB = 400;
const dist = process.env.CONSOLE_OUT ?? new URL('../../dist', import.meta.url).pathname;
const manifest = JSON.parse(readFileSync(join(dist, 'manifest.json'), 'utf8'));
const sizes = new Map();

for (const file of readdirSync(join(dist, 'assets'))) {
  if (!/\.(js|css|svg)$/.test(file)) continue;
  const packed = gzipSync(readFileSync(join(dist, 'assets', file)), { level: 9 });
  sizes.set(`assets/${file}`, packed.length);
  writeFileSync(join(dist, 'assets', `${file}.gz`), packed);
}
rmSync(join(dist, 'manifest.json'));

/** A chunk with everything it needs before it can run. */
function closure(key, seen = new Set()) {
  if (seen.has(key)) return seen;
  seen.add(key);
  for (const needed of manifest[key].imports ?? []) closure(needed, seen);
  return seen;
}

const kib = (bytes) => Math.round((bytes / 1024) * 10) / 10;
const weigh = (keys) =>
  kib([...keys].reduce((sum, key) => sum + (sizes.get(manifest[key].file) ?? 0), 0));
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const initial = closure(entry);
const home = new Set(initial);
for (const page of ['src/pages/home/Home.tsx', 'src/pages/entry/Login.tsx']) {
  const whole = new Set([...initial, ...closure(page)]);
  console.log(`${page}: ${weigh(whole)} KiB of JavaScript, compressed, before it shows`);
  if (weigh(whole) > weigh(home)) for (const key of whole) home.add(key);
}
console.log(
  `entry: ${weigh(initial)} KiB; all chunks: ${kib([...sizes.values()].reduce((a, b) => a + b, 0))} KiB`,
);
if (weigh(home) > BUDGET_KIB) {
  console.error(`over the budget of ${BUDGET_KIB} KiB: a first visit loads ${weigh(home)} KiB`);
  process.exit(1);
}
