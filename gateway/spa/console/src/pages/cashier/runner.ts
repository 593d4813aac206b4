/**
 * Takes a payment as a device does. The request's number is on disk before the first byte is sent and
 * stays there until the platform has given a final answer; whatever gets lost on the way is asked for
 * again under the same number, so that the buyer is charged at most once.
 */
import { ApiProblem } from '@shared/problem';
import { get } from '../../api/client';
import { onIdentityChange } from '../../session/identity';
import type { Keystore, Terminal } from './keystore';
import type { Draw, Payment, PayOrder, Reward } from './shapes';
import { begun, type HopName, heard, isTerminal, learn, type Story } from './story';
import { Line, NoAnswer } from './terminal';

const PAYMENTS = '/api/device/v1/payments';
const REWARDS = '/api/device/v1/rewards';
const RETRY_MS = [200, 500, 1000, 2000];
const RETRIED: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const GIVE_UP_MS = 120_000;
const LOOK_EVERY_MS = 400;
const FOLLOW_EVERY_MS = 500;
const FOLLOW_MS = 10_000;
/** How long a request that was cut off with its tab may still be on its way. */
const CUT_OFF_MS = 2000;

/** What became of the wish to charge: done (the story tells how), an earlier payment had to be brought
 * to its end first, another tab is in the middle of one, or the key is no longer here. */
export type Taken = 'taken' | 'earlier' | 'elsewhere' | 'forgotten';
type Alone = (name: string, act: () => Promise<Taken>) => Promise<Taken>;

/** One payment at a time per terminal, also when two tabs hold the same one. */
const byLock: Alone = async (name, act) =>
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    return lock ? act() : 'elsewhere';
  });

export interface Means {
  now: () => number;
  sleep: (ms: number) => Promise<void>;
  alone: Alone;
}

const OWN: Means = {
  now: () => Date.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
  alone: byLock,
};

export class Runner {
  private story: Story | null = null;
  private readonly listeners = new Set<() => void>();
  private readonly line: Line;
  private current: { isSale: boolean; done: Promise<Taken> } | null = null;
  /** done when the order, rewards and notice of the last payment were looked for */
  rest: Promise<void> = Promise.resolve();
  /** the payment whose order, rewards and notice are or were looked for */
  private followed: string | null = null;
  private isLeft = false;

  constructor(
    readonly terminal: Terminal,
    private readonly store: Keystore,
    private readonly means: Means = OWN,
  ) {
    this.line = new Line(terminal, means.now);
  }

  readonly subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  };

  readonly snapshot = (): Story | null => this.story;

  /** What is over is shown no longer: another sale is being asked for. */
  clear(): void {
    if (!this.story?.isOver) return;
    this.story = null;
    for (const tell of this.listeners) tell();
  }

  /** Whoever stood here is gone: nothing more is asked in this window, nor shown. The payment is the
   * platform's to bring to its end; its number stays on disk for whoever comes next. */
  leave(): void {
    this.isLeft = true;
    this.story = null;
    for (const tell of this.listeners) tell();
  }

  /** Charges once, unless an earlier payment has to come to its end first: `taken` is said of the
   * very sale that was asked for, never of one that was under way. */
  async take(order: PayOrder): Promise<Taken> {
    while (this.current) {
      const { isSale, done } = this.current;
      if ((await done) === 'earlier' || isSale) return 'earlier';
    }
    return this.working(true, async () => {
      if (await this.bringEarlier()) return 'earlier';
      const startedAt = this.means.now();
      const open = {
        payRequestId: order.pay_request_id,
        amountFen: order.amount_fen,
        startedAt,
      };
      if (!(await this.store.mark(this.terminal, open))) return 'forgotten';
      this.put(begun(order.amount_fen, startedAt, false));
      await this.bring(order.pay_request_id, order);
      return 'taken';
    });
  }

  /** Brings the payment that was not finished to its end; nothing to do without one. */
  async resume(): Promise<Taken> {
    if (this.current) return this.current.done;
    return this.working(false, async () => ((await this.bringEarlier()) ? 'earlier' : 'taken'));
  }

  private async bringEarlier(): Promise<boolean> {
    const open = (await this.store.load(this.terminal.merchantId))?.unfinished;
    if (!open) return false;
    const known = this.story && !this.story.isOver ? this.story : null;
    const story = known ?? begun(open.amountFen, open.startedAt, true);
    this.put({ ...story, isGivenUp: false, refusal: null });
    await this.bring(open.payRequestId, null);
    return true;
  }

  /** One at a time, until nothing is open any longer. What a payment brings with it comes later and
   * keeps nobody from the next one. */
  private working(isSale: boolean, act: () => Promise<Taken>): Promise<Taken> {
    const alone = this.means.alone(`damselfly.cashier.${this.terminal.deviceId}`, act);
    const done = alone.finally(() => {
      this.current = null;
      this.rest = this.followUp();
    });
    this.current = { isSale, done };
    return done;
  }

  /** The clerk stops it: paid stays paid, anything else is cancelled at Alipay. */
  async cancel(): Promise<void> {
    const open = this.story?.payment;
    if (!open || isTerminal(open)) return;
    this.change({ isCancelling: true });
    try {
      const path = `${PAYMENTS}/${open.pay_request_id}/cancel`;
      this.hear(await this.line.ask<Payment>({ method: 'POST', path }));
    } catch (error) {
      // No answer, or a service that is away: the payment goes on being asked for.
      if (!(error instanceof NoAnswer || error instanceof ApiProblem)) throw error;
    } finally {
      this.change({ isCancelling: false });
    }
    if (this.story?.isGivenUp) await this.resume();
  }

  /** The one draw on the device; the same prize however often it is asked for. */
  async draw(): Promise<void> {
    const id = this.story?.payment?.payment_id;
    if (!id) return;
    const path = `${REWARDS}/${id}/draw`;
    const draw = await this.line.ask<Draw>({ method: 'POST', path, body: '{}' });
    this.found(id, { draw });
  }

  private async bring(id: string, order: PayOrder | null): Promise<void> {
    const mine = `${PAYMENTS}/${id}`;
    const deadline = this.means.now() + GIVE_UP_MS;
    let isBegun = order === null;
    for (let attempt = 0; !this.isLeft; attempt += 1) {
      let pause = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)] ?? 0;
      try {
        const path = { method: 'GET', path: mine } as const;
        const answer =
          order && !isBegun ? await this.start(order, mine) : await this.line.ask<Payment>(path);
        if (this.isLeft) return;
        this.hear(answer);
        isBegun = true;
        pause = answer.retry_after_ms ?? 1000;
      } catch (error) {
        if (this.isLeft) return;
        if (error instanceof ApiProblem && !RETRIED.has(error.status)) {
          return this.refused(error, mine, order !== null && attempt === 0);
        }
        // No answer says nothing about the payment: the same is asked again.
        if (!(error instanceof NoAnswer || error instanceof ApiProblem)) throw error;
      }
      if (isTerminal(this.story?.payment ?? null)) return this.settle();
      if (this.means.now() + pause > deadline) return this.change({ isGivenUp: true });
      await this.means.sleep(pause);
    }
  }

  /** The request itself, and looks at what has become of it while its answer is on its way. */
  private async start(order: PayOrder, mine: string): Promise<Payment> {
    let isAnswered = false;
    const look = async () => {
      for (;;) {
        await this.means.sleep(LOOK_EVERY_MS);
        if (isAnswered || this.isLeft) return;
        const found = await this.line.ask<Payment>({ method: 'GET', path: mine }).catch(() => null); // not there yet, or no answer: the request's own will come
        if (found && !isAnswered) this.hear(found);
      }
    };
    void look();
    try {
      const body = JSON.stringify(order);
      return await this.line.ask<Payment>({ method: 'POST', path: PAYMENTS, body }, () =>
        this.learn('signed'),
      );
    } finally {
      isAnswered = true;
    }
  }

  /** A refusal of the first attempt says that nothing was begun. Later an earlier attempt may have
   * been, so only the platform's "no such payment" says it. */
  private async refused(error: ApiProblem, mine: string, isFirst: boolean): Promise<void> {
    const isNotBegun = await this.isNotBegun(error, mine, isFirst);
    if (this.isLeft) return;
    this.change({ refusal: error });
    if (!isNotBegun) return this.change({ isGivenUp: true });
    await this.settle();
  }

  private async isNotBegun(refused: ApiProblem, mine: string, isFirst: boolean): Promise<boolean> {
    if (refused.status === 401 || refused.status < 400 || refused.status >= 500) return false;
    if (isFirst) return true;
    await this.means.sleep(CUT_OFF_MS);
    if (this.isLeft) return false;
    try {
      this.hear(await this.line.ask<Payment>({ method: 'GET', path: mine }));
      return false;
    } catch (error) {
      return error instanceof ApiProblem && error.status === 404;
    }
  }

  /** Nothing is open any longer: the next payment may begin. */
  private async settle(): Promise<void> {
    await this.store.mark(this.terminal, null);
    this.change({ isOver: true });
  }

  /** What becomes of a payment that is over, each looked for once. */
  private async followUp(): Promise<void> {
    const payment = this.story?.payment ?? null;
    if (!payment || !this.story?.isOver || this.followed === payment.payment_id) return;
    this.followed = payment.payment_id;
    const id = payment.payment_id;
    const paid = payment.status === 'paid' ? [this.followReward(id), this.followNotice(id)] : [];
    await Promise.all([this.followOrder(id), ...paid]);
  }

  private async followOrder(payment_id: string): Promise<void> {
    const found = await this.follow(async () => {
      const page = await get('/api/merchant/v1/orders', { query: { payment_id } });
      return page.items[0]?.order_no ?? null;
    });
    if (found === null) return this.found(payment_id, { isOrderLate: true });
    this.found(payment_id, { orderNo: found }, 'order');
  }

  private async followReward(payment_id: string): Promise<void> {
    const path = `${REWARDS}/${payment_id}`;
    const found = await this.follow(async () => {
      const reward = await this.line.ask<Reward>({ method: 'GET', path });
      return reward.status === 'pending' ? null : reward;
    });
    if (found === null) return this.found(payment_id, { isRewardLate: true });
    this.found(payment_id, { reward: found }, 'rewards');
  }

  /** Alipay tells the end of a payment once more, by itself, and only when money moved. */
  private async followNotice(payment_id: string): Promise<void> {
    await this.follow(async () => {
      const path = { payment_id };
      const detail = await get('/api/merchant/v1/payments/{payment_id}', { path });
      this.found(payment_id, { detail });
      // One that was received is not yet held against the books.
      return detail.notices.find((one) => one.state !== 'RECEIVED') ?? null;
    });
  }

  /** Asks until there is something; null when it does not come in time. */
  private async follow<R>(ask: () => Promise<R | null>): Promise<R | null> {
    const deadline = this.means.now() + FOLLOW_MS;
    for (;;) {
      if (this.isLeft) return null;
      const found = await ask().catch(() => null); // it is paid all the same
      if (found !== null) return found;
      if (this.means.now() + FOLLOW_EVERY_MS > deadline) return null;
      await this.means.sleep(FOLLOW_EVERY_MS);
    }
  }

  /** Of that payment, unless another one is told of by now. */
  private found(payment_id: string, some: Partial<Story>, ...names: HopName[]): void {
    if (this.story?.payment?.payment_id !== payment_id) return;
    this.learn(...names);
    this.change(some);
  }

  private learn(...names: HopName[]): void {
    if (this.story) this.put(learn(this.story, this.elapsed, ...names));
  }

  private hear(payment: Payment): void {
    if (this.story) this.put(heard(this.story, payment, this.elapsed));
  }

  private get elapsed(): number {
    return this.story ? Math.max(0, this.means.now() - this.story.startedAt) : 0;
  }

  private change(some: Partial<Story>): void {
    if (this.story) this.put({ ...this.story, ...some });
  }

  private put(story: Story): void {
    this.story = story;
    for (const tell of this.listeners) tell();
  }
}

const runners = new Map<string, Runner>();

/** The one runner of a terminal: a payment goes on when one turns to another page. */
export function runnerOf(terminal: Terminal, store: Keystore): Runner {
  const known = runners.get(terminal.keyId);
  if (known) return known;
  const made = new Runner(terminal, store);
  runners.set(terminal.keyId, made);
  return made;
}

/** What was forgotten asks for nothing more. */
export function dropRunner(terminal: Terminal): void {
  runners.get(terminal.keyId)?.leave();
  runners.delete(terminal.keyId);
}

onIdentityChange(() => {
  for (const { terminal } of [...runners.values()]) dropRunner(terminal);
});
