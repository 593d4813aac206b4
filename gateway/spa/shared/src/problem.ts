/** What our doors answer when they refuse: RFC 9457 with a stable code and a title in two languages. */

export interface Fault {
  pointer: string;
  /** what kind of fault, such as `string_too_long`; the console has the words for it */
  code?: string;
  /** for programmers, and in English only unless a rule of ours says it in both languages */
  message: string;
}

interface ProblemBody {
  status: number;
  code: string;
  title: string;
  detail?: string;
  request_id?: string;
  errors?: Fault[];
  [extension: string]: unknown;
}

export type Language = 'zh-CN' | 'en';

const LAST_CHINESE = /^([\s\S]*[\u2e80-\u9fff\uff00-\uffef])([\s\S]*)$/;
const SENTENCE = /\s(?=[A-Z](?:[a-z]|\s))/;

/** One language of a title "中文 English."; the whole when it has only one. */
export function inLanguage(title: string, language: Language): string {
  const found = LAST_CHINESE.exec(title);
  if (!found) return title;
  const [, head = '', tail = ''] = found;
  // Latin words may end the Chinese half ("… PKCS#1"): the English half begins like a sentence.
  const start = SENTENCE.exec(tail)?.index ?? 0;
  const [chinese, english] = [head + tail.slice(0, start), tail.slice(start)];
  return (language === 'en' ? english : chinese).trim() || title;
}

export class ApiProblem extends Error {
  constructor(readonly body: ProblemBody) {
    super(`${body.code}: ${body.title}`);
    this.name = 'ApiProblem';
  }

  get code(): string {
    return this.body.code;
  }

  get status(): number {
    return this.body.status;
  }

  titleIn(language: Language): string {
    return inLanguage(this.body.title, language);
  }
}

/** The problem in an answer, or the nearest thing to it when a proxy answered in its own words. */
export function problemOf(status: number, body: unknown): ApiProblem {
  if (typeof body === 'object' && body !== null && 'code' in body && 'title' in body) {
    return new ApiProblem({ ...(body as ProblemBody), status });
  }
  return new ApiProblem({
    status,
    code: 'unreadable',
    title: '服务没有正常应答 The service did not answer properly.',
  });
}
