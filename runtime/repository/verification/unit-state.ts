import type { VerifyLevel } from '../../../lib/contract/results';

/** From the least to the most thorough; each includes those before it. */
export const LEVELS: readonly VerifyLevel[] = ['quick', 'full', 'content'];

/** What went wrong with an object, at which level and when it was found. */
export interface UnitFailure {
  readonly level: VerifyLevel;
  /** Seconds since 1970. */
  readonly at: number;
  readonly key: string;
  readonly reason: string;
}

/** When a unit (a block, a WAL page, a configuration file) was last found good at each level, in seconds since 1970; 0: never. */
export interface UnitState {
  readonly quick: number;
  readonly full: number;
  readonly content: number;
  /** Undefined when the last look at the level was good. */
  readonly failure: UnitFailure | undefined;
}

export const NEVER: UnitState = { quick: 0, full: 0, content: 0, failure: undefined };

/** When the unit was last good at the level or a more thorough one; 0: never. */
export function goodAt(state: UnitState, level: VerifyLevel): number {
  if (level === 'content') return state.content;
  return Math.max(state.content, state.full, level === 'quick' ? state.quick : 0);
}

/** Both states as one: the later findings count. */
export function mergeStates(a: UnitState, b: UnitState): UnitState {
  const merged = {
    quick: Math.max(a.quick, b.quick),
    full: Math.max(a.full, b.full),
    content: Math.max(a.content, b.content),
    failure: undefined,
  };
  const failure = [a.failure, b.failure].sort((x, y) => (y?.at ?? 0) - (x?.at ?? 0))[0];
  const isRepaired = failure !== undefined && goodAt(merged, failure.level) > failure.at;
  return isRepaired ? merged : { ...merged, failure };
}

/** The state after another look. Being there again says nothing about bytes that were found to be wrong. */
export function afterLook(state: UnitState, level: VerifyLevel, at: number): UnitState {
  const { failure } = state;
  const stands = failure !== undefined && LEVELS.indexOf(failure.level) > LEVELS.indexOf(level);
  return { ...state, [level]: Math.max(state[level], at), failure: stands ? failure : undefined };
}

/** What is known of a list of units together. */
export interface ListState {
  readonly failures: readonly UnitFailure[];
  /** By level, when the unit that waits longest was good; a failed one counts as looked at. Infinity for an empty list. */
  readonly oldest: Readonly<Record<VerifyLevel, number>>;
}

export function stateOfList(states: Iterable<UnitState>): ListState {
  const failures: UnitFailure[] = [];
  const oldest = { quick: Infinity, full: Infinity, content: Infinity };
  for (const state of states) {
    if (state.failure) failures.push(state.failure);
    for (const level of LEVELS) oldest[level] = Math.min(oldest[level], state.failure?.at ?? goodAt(state, level));
  }
  return { failures, oldest };
}
