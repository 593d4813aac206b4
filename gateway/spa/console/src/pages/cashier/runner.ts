/** Takes a payment as a device does. The request's number is stored before the first byte is
 * sent, and stays stored until the platform has given a final answer. After a lost answer the
 * same number is sent again, so that the buyer is charged at most once. */
import { ApiProblem } from '@shared/problem';
import { get } from '../../api/client';
import { onIdentityChange } from '../../session/identity';
import type { Keystore, Terminal } from './keystore';
import type { Draw, Payment, PayOrder, Reward } from './shapes';
import { begun, type HopName, isTerminal, learn, type Story, withAnswer } from './story';
import { Line, NoAnswer } from './terminal';

const PAYMENTS = '/api/device/v1/payments';
const REWARDS = '/api/device/v1/rewards';
const RETRY_MS = [200, 500, 1000, 2000];
const RETRIED: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const GIVE_UP_MS = 120_000;
const LOOK_EVERY_MS = 400;
const FOLLOW_EVERY_MS = 500;
const FOLLOW_MS = 10_000;
/** How long a request of a closed tab may still be on its way. */
const CUT_OFF_MS = 2000;

/** The result of a try to charge: it was carried out (the story shows how it ended), an earlier
 * payment had to be ended first, another tab is working on a payment, or the key is gone. */
export type Taken = 'taken' | 'earlier' | 'elsewhere' | 'forgotten';
type Alone = (name: string, act: () => Promise<Taken>) => Promise<Taken>;

/** One payment at a time per terminal, also when two tabs use the same one. */
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
  /** resolves when the order, rewards and notice of the last payment have been loaded */
  rest: Promise<void> = Promise.resolve();
  /** the payment whose order, rewards and notice are being loaded or were loaded */
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

  /** Hides the ended payment before the next sale. */
  clear(): void {
    if (!this.story?.isOver) return;
    this.story = null;
    for (const tell of this.listeners) tell();
  }

  /** Called when the page of this person is gone: nothing more is requested or shown in this
   * window. The platform ends the payment; its number stays stored. */
  leave(): void {
    this.isLeft = true;
    this.story = null;
    for (const tell of this.listeners) tell();
  }

  /** Charges once, unless an earlier payment has to be ended first. `taken` is returned for the
   * requested sale only, not for an earlier one. */
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

  /** Ends the unfinished payment, if there is one. */
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

  /** Runs one at a time, until no payment is open. What follows a payment is loaded later and
   * does not delay the next one. */
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
      // No answer, or the service is unavailable: the payment is requested again.
      if (!(error instanceof NoAnswer || error instanceof ApiProblem)) throw error;
    } finally {
      this.change({ isCancelling: false });
    }
    if (this.story?.isGivenUp) await this.resume();
  }

  /** The only draw on the device; repeated requests return the same prize. */
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
        // A lost answer means nothing for the payment: the same request is repeated.
        if (!(error instanceof NoAnswer || error instanceof ApiProblem)) throw error;
      }
      if (isTerminal(this.story?.payment ?? null)) return this.settle();
      if (this.means.now() + pause > deadline) return this.change({ isGivenUp: true });
      await this.means.sleep(pause);
    }
  }

  /** Sends the request, and queries the payment while the answer is on its way. */
  private async start(order: PayOrder, mine: string): Promise<Payment> {
    let isAnswered = false;
    const look = async () => {
      for (;;) {
        await this.means.sleep(LOOK_EVERY_MS);
        if (isAnswered || this.isLeft) return;
        const found = await this.line.ask<Payment>({ method: 'GET', path: mine }).catch(() => null); // not there yet, or no answer: the answer of the request itself decides
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

  /** A refusal of the first attempt means that nothing was begun. Later an earlier attempt may
   * have been begun, so only the platform's "no such payment" means it. */
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

  /** No payment is open any more: the next one may begin. */
  private async settle(): Promise<void> {
    await this.store.mark(this.terminal, null);
    this.change({ isOver: true });
  }

  /** Loads what follows an ended payment, each part once. */
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

  /** Alipay sends a notice of the end of a payment, only when money moved. */
  private async followNotice(payment_id: string): Promise<void> {
    await this.follow(async () => {
      const path = { payment_id };
      const detail = await get('/api/merchant/v1/payments/{payment_id}', { path });
      this.found(payment_id, { detail });
      // A notice in the state "received" has not been compared with the books yet.
      return detail.notices.find((one) => one.state !== 'RECEIVED') ?? null;
    });
  }

  /** Repeats a request until it returns something; null when the time is over. */
  private async follow<R>(ask: () => Promise<R | null>): Promise<R | null> {
    const deadline = this.means.now() + FOLLOW_MS;
    for (;;) {
      if (this.isLeft) return null;
      const found = await ask().catch(() => null); // the payment is paid all the same
      if (found !== null) return found;
      if (this.means.now() + FOLLOW_EVERY_MS > deadline) return null;
      await this.means.sleep(FOLLOW_EVERY_MS);
    }
  }

  /** Changes the story of that payment, unless another one is shown by now. */
  private found(payment_id: string, some: Partial<Story>, ...names: HopName[]): void {
    if (this.story?.payment?.payment_id !== payment_id) return;
    this.learn(...names);
    this.change(some);
  }

  private learn(...names: HopName[]): void {
    if (this.story) this.put(learn(this.story, this.elapsed, ...names));
  }

  private hear(payment: Payment): void {
    if (this.story) this.put(withAnswer(this.story, payment, this.elapsed));
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

/** The only runner of a terminal, so that a payment continues when the person opens another
 * page. */
export function runnerOf(terminal: Terminal, store: Keystore): Runner {
  const known = runners.get(terminal.keyId);
  if (known) return known;
  const made = new Runner(terminal, store);
  runners.set(terminal.keyId, made);
  return made;
}

/** Stops the runner of a terminal that was removed. */
export function dropRunner(terminal: Terminal): void {
  runners.get(terminal.keyId)?.leave();
  runners.delete(terminal.keyId);
}

onIdentityChange(() => {
  for (const { terminal } of [...runners.values()]) dropRunner(terminal);
});
