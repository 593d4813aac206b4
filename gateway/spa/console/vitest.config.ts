/** Unit tests in a small DOM; the whole console in a real browser is tests/browser. */
import { defineConfig, mergeConfig } from 'vitest/config';
import base from './vite.config.ts';

export default mergeConfig(
  base,
  defineConfig({
    test: {
      environment: 'happy-dom',
      setupFiles: ['src/test/setup.ts'],
      testTimeout: 60_000,
      hookTimeout: 60_000,
      pool: 'threads',
      maxWorkers: 1,
      // The console and its library are loaded once for all files: half of the work otherwise. What
      // a test changes for all (storage, language, clock, globals) `setup.ts` sets back.
      isolate: false,
    },
  }),
);
