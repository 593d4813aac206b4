/** One build for the console. Its strict policy: no inline script, styles only with the edge's nonce. */
import { fileURLToPath } from 'node:url';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const shared = fileURLToPath(new URL('../shared/src', import.meta.url));

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@shared': shared } },
  // The edge puts a fresh nonce in place of this word in each page it sends (gateway/static.py).
  html: { cspNonce: '__CSP_NONCE__' },
  // `npm run dev`: the pages from here, as they are written; the API from the stack that runs. The
  // Host stays as the browser says it, so that our own site is no foreign one to the edge.
  server: {
    fs: { allow: ['..'] },
    proxy: { '/api': { target: process.env.DAMSELFLY_URL ?? 'http://127.0.0.1:8080' } },
  },
  build: {
    outDir: process.env.CONSOLE_OUT ?? '../dist',
    emptyOutDir: true,
    target: 'es2022',
    // A data: address would need a hole in the policy.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    manifest: 'manifest.json',
    chunkSizeWarningLimit: 1500,
  },
});
