/** What the small DOM lacks, and a clean slate for every test. */
import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, vi } from 'vitest';

// Pages are loaded when they are opened, which a busy machine does slowly.
configure({ asyncUtilTimeout: 20_000 });

// Read once, when the console is loaded: this browser prefers English.
localStorage.setItem('damselfly.language', 'zh-CN');

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});
