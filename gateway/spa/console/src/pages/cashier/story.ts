/** The known facts of one payment, and the steps of its way. Pure. */
import type { ApiProblem } from '@shared/problem';
import type { TextKey } from '../../texts';
import type { Detail, Draw, Payment, PaymentStatus, Reward } from './shapes';

const HOPS = ['signed', 'edge', 'recorded', 'called', 'answered', 'order', 'rewards'] as const;
export type HopName = (typeof HOPS)[number];
export type HopState = 'waiting' | 'running' | 'done' | 'failed' | 'skipped';

const TERMINAL: ReadonlySet<PaymentStatus> = new Set<PaymentStatus>([
  'paid',
  'failed',
  'closed',
  'reversed',
  'refunded',
  'partially_refunded',
  'late_paid',
]);

export interface Story {
  amountFen: number;
  startedAt: number;
  /** found again after the tab was closed or reloaded: the earlier steps are not known here */
  isResumed: boolean;
  /** milliseconds after the start at which this page learned of each step */
  learned: Partial<Record<HopName, number>>;
  payment: Payment | null;
  /** answers of the payment's endpoint so far */
  looks: number;
  /** the payment was refused; whether nothing was begun is in `isOver` */
  refusal: ApiProblem | null;
  isCancelling: boolean;
  /** tried for long enough without an end: to be resumed later */
  isGivenUp: boolean;
  /** the payment has ended, or was never begun */
  isOver: boolean;
  orderNo: string | null;
  isOrderLate: boolean;
  /** the merchant's view of the payment: its numbers, and Alipay's own notice */
  detail: Detail | null;
  reward: Reward | null;
  isRewardLate: boolean;
  draw: Draw | null;
}

export function begun(amountFen: number, startedAt: number, isResumed: boolean): Story {
  return {
    amountFen,
    startedAt,
    isResumed,
    learned: {},
    payment: null,
    looks: 0,
    refusal: null,
    isCancelling: false,
    isGivenUp: false,
    isOver: false,
    orderNo: null,
    isOrderLate: false,
    detail: null,
    reward: null,
    isRewardLate: false,
    draw: null,
  };
}

export function isTerminal(payment: Payment | null): boolean {
  return payment !== null && TERMINAL.has(payment.status);
}

/** The story after one more answer. An ended payment does not become open again, because an
 * earlier query may be answered late. */
export function withAnswer(story: Story, payment: Payment, ms: number): Story {
  const looks = story.looks + 1;
  if (isTerminal(story.payment) && !isTerminal(payment)) return { ...story, looks };
  let next = learn({ ...story, looks, payment }, ms, 'edge', 'recorded');
  if (isTerminal(payment) || payment.waiting_for !== 'channel') next = learn(next, ms, 'called');
  return isTerminal(payment) ? learn(next, ms, 'answered') : next;
}

export function learn(story: Story, ms: number, ...names: HopName[]): Story {
  const learned = { ...story.learned };
  for (const name of names) learned[name] ??= ms;
  return { ...story, learned };
}

export interface Hop {
  name: HopName;
  state: HopState;
  at: number | undefined;
  note: TextKey;
}

const STANDS: Record<PaymentStatus, HopState> = {
  pending: 'running',
  paid: 'done',
  refunded: 'done',
  partially_refunded: 'done',
  late_paid: 'done',
  failed: 'failed',
  closed: 'skipped',
  reversed: 'skipped',
};

/** Codes of the edge: refused before any service received it. */
function isOfEdge(refusal: ApiProblem): boolean {
  return refusal.status === 401 || refusal.status === 429 || /^(auth|gateway)\./.test(refusal.code);
}

function early(story: Story): Record<'signed' | 'edge' | 'recorded' | 'called', HopState> {
  const { learned, refusal, payment } = story;
  const reached = (name: HopName): HopState => (learned[name] === undefined ? 'waiting' : 'done');
  const states = {
    signed: story.isResumed ? ('done' as const) : reached('signed'),
    edge: reached('edge'),
    recorded: reached('recorded'),
    called: reached('called'),
  };
  if (refusal && !payment) {
    if (isOfEdge(refusal)) return { ...states, edge: 'failed' };
    return { ...states, edge: 'done', recorded: 'failed' };
  }
  for (const name of ['signed', 'edge', 'recorded', 'called'] as const) {
    if (states[name] === 'waiting') {
      if (!story.isGivenUp) states[name] = 'running';
      break;
    }
  }
  return states;
}

function late(story: Story): Record<'answered' | 'order' | 'rewards', HopState> {
  const { payment } = story;
  const isPaid = payment?.status === 'paid';
  const waits = (isThere: boolean, isLate: boolean): HopState =>
    isThere ? 'done' : isLate ? 'waiting' : 'running';
  if (!payment) {
    const after: HopState = story.isOver ? 'skipped' : 'waiting';
    return { answered: after, order: after, rewards: after };
  }
  const answered = STANDS[payment.status];
  if (!isTerminal(payment)) {
    const isCalled = story.learned.called !== undefined;
    return { answered: isCalled ? 'running' : 'waiting', order: 'waiting', rewards: 'waiting' };
  }
  const order = waits(story.orderNo !== null, story.isOrderLate);
  if (!isPaid) return { answered, order, rewards: 'skipped' };
  const reward = story.reward;
  const isThere = reward !== null && reward.status !== 'pending';
  const rewards = isThere
    ? reward.status === 'granted'
      ? 'done'
      : 'skipped'
    : waits(false, story.isRewardLate);
  return { answered, order, rewards };
}

/** The steps so far: each with its state, the time when this page learned of it, and its text. */
export function hopsOf(story: Story): Hop[] {
  const states = { ...early(story), ...late(story) };
  return HOPS.map((name) => ({
    name,
    state: states[name],
    at: story.learned[name],
    note: noteOf(name, states[name], story),
  }));
}

function noteOf(name: HopName, state: HopState, story: Story): TextKey {
  if (name === 'signed' && story.isResumed) return 'cashier.note_resumed';
  if (name === 'answered' && story.payment && state !== 'waiting') {
    const { status, waiting_for } = story.payment;
    if (status === 'pending') return `cashier.waits_${waiting_for ?? 'outcome'}`;
    return `cashier.ends_${status}`;
  }
  if (name === 'rewards' && story.reward?.status === 'none') return 'cashier.reward_none';
  if (name === 'rewards' && story.reward?.status === 'revoked') return 'cashier.reward_revoked';
  if (name === 'order' && story.isOrderLate) return 'cashier.order_late';
  if (name === 'rewards' && story.isRewardLate) return 'cashier.rewards_late';
  if (state === 'running' || state === 'done') return `cashier.${name}_${state}`;
  return `cashier.hop_${state}`;
}
