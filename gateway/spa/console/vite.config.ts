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
