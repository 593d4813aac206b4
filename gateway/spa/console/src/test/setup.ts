/** What the small DOM lacks, and a clean slate for every test. */
import { cleanup, configure } from '@testing-library/react';
import { afterEach, beforeEach, expect, vi } from 'vitest';

// Pages are loaded when they are opened, which a busy machine does slowly.
configure({ asyncUtilTimeout: 20_000 });

// Read once, when the console is loaded: this browser prefers English.
localStorage.setItem('damselfly.language', 'zh-CN');

/** What React and the components say of a wrong or outgrown use of them fails the test. */
const complaints: string[] = [];
/** The small DOM knows fewer elements than a browser. */
const ITS_OWN = 'is unrecognized in this browser';
for (const level of ['error', 'warn'] as const) {
  console[level] = (...words: unknown[]) => {
    const said = words.map(String).join(' ');
    if (!said.includes(ITS_OWN)) complaints.push(said);
  };
}

beforeEach(() => {
  localStorage.clear();
  sessionStorage.clear();
  // As somebody who has signed in here; without a token nobody is asked for.
  localStorage.setItem('damselfly.csrf', 'c-0');
});

afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  expect(complaints.splice(0)).toEqual([]);
});
