/** What is known of one payment so far, and the way it takes, hop by hop. Pure. */
import type { ApiProblem } from '@shared/problem';
import type { TextKey } from '../../texts';
import type { Detail, Draw, Payment, PaymentStatus, Reward } from './shapes';

const HOPS = ['signed', 'edge', 'recorded', 'asked', 'answered', 'order', 'rewards'] as const;
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
  /** found again after the tab was closed or reloaded: what came before it is not known here */
  isResumed: boolean;
  /** milliseconds after the start at which this page learned of each hop */
  learned: Partial<Record<HopName, number>>;
  payment: Payment | null;
  /** answers of the payment's own door so far */
  looks: number;
  /** it was refused; whether nothing was begun is said by `isOver` */
  refusal: ApiProblem | null;
  isCancelling: boolean;
  /** asked long enough without an end: to be resumed later */
  isGivenUp: boolean;
  /** the payment has come to its end, or never began */
  isOver: boolean;
  orderNo: string | null;
  isOrderLate: boolean;
  /** what the merchant may know beside it: numbers, and what Alipay told by itself */
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

/** With one more answer of the payment's door. What is over does not become open again: a look that
 * was on its way meanwhile may arrive late. */
export function heard(story: Story, payment: Payment, ms: number): Story {
  const looks = story.looks + 1;
  if (isTerminal(story.payment) && !isTerminal(payment)) return { ...story, looks };
  let next = learn({ ...story, looks, payment }, ms, 'edge', 'recorded');
  if (isTerminal(payment) || payment.waiting_for !== 'channel') next = learn(next, ms, 'asked');
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

/** Refused before any service saw it: the edge's own codes. */
function isOfEdge(refusal: ApiProblem): boolean {
  return refusal.status === 401 || refusal.status === 429 || /^(auth|gateway)\./.test(refusal.code);
}

function early(story: Story): Record<'signed' | 'edge' | 'recorded' | 'asked', HopState> {
  const { learned, refusal, payment } = story;
  const reached = (name: HopName): HopState => (learned[name] === undefined ? 'waiting' : 'done');
  const states = {
    signed: story.isResumed ? ('done' as const) : reached('signed'),
    edge: reached('edge'),
    recorded: reached('recorded'),
    asked: reached('asked'),
  };
  if (refusal && !payment) {
    if (isOfEdge(refusal)) return { ...states, edge: 'failed' };
    return { ...states, edge: 'done', recorded: 'failed' };
  }
  for (const name of ['signed', 'edge', 'recorded', 'asked'] as const) {
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
    const isAsked = story.learned.asked !== undefined;
    return { answered: isAsked ? 'running' : 'waiting', order: 'waiting', rewards: 'waiting' };
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

/** The way so far: each hop with its state, when this page learned of it, and what to say. */
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
