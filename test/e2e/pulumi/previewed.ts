import type { EngineEvent, Stack } from '@pulumi/pulumi/automation';

/** What an engine would do, of one resource. */
export interface Previewed {
  readonly type: string;
  /** Logical name. */
  readonly name: string;
  readonly operation: string;
  readonly region: unknown;
}

/** Previews the stack, and says how long that took. */
export async function previewed(what: string, stack: Stack): Promise<Previewed[]> {
  const events: EngineEvent[] = [];
  const begun = performance.now();
  await stack.preview({ onEvent: (event) => events.push(event) });
  console.info(`preview of ${what}: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  return events.flatMap(({ resourcePreEvent }) => {
    if (!resourcePreEvent) return [];
    const { type, urn, op: operation, new: state } = resourcePreEvent.metadata;
    const name = urn.split('::').at(-1) ?? '';
    return [{ type, name, operation, region: (state?.inputs as Inputs | undefined)?.['region'] }];
  });
}

type Inputs = Readonly<Record<string, unknown>>;

/** How many resources would be made of each type, the stack itself aside. */
export function made(plan: readonly Previewed[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { type, operation } of plan)
    if (operation === 'create' && type !== 'pulumi:pulumi:Stack') counts[type] = (counts[type] ?? 0) + 1;
  return counts;
}

/** `Type name` of the resources with a region, by the one that each is told; '' where the provider's is taken. */
export function byRegion(plan: readonly Previewed[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { type, name, operation, region } of plan) {
    if (!/^aws:(?!iam)/.test(type) || operation !== 'create') continue;
    (found[typeof region === 'string' ? region : ''] ??= []).push(`${type.split(':').at(-1) ?? ''} ${name}`);
  }
  for (const names of Object.values(found)) names.sort();
  return found;
}

/** What is only looked up. */
export function read(plan: readonly Previewed[]): string[] {
  return plan.filter(({ operation }) => operation === 'read').map(({ type, name }) => `${type} ${name}`);
}
