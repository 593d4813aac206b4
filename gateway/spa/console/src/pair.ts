/** A text in both languages: [中文, English], and the English for exactly one where it differs. */
type Pair = readonly [string, string] | readonly [string, string, string];
export type Texts = Record<string, Pair>;
