import { z } from 'zod';
import type { ClusterApi, ObjectRef } from '../cluster-api';
import { ClusterError } from '../cluster-errors';

const eventSchema = z.object({
  type: z.string().default('Normal'),
  reason: z.string().default(''),
  message: z.string().default(''),
  lastTimestamp: z.string().nullish(),
  eventTime: z.string().nullish(),
  metadata: z.object({ creationTimestamp: z.string().default('') }),
});

/** What somebody in the cluster had to say about an object. */
export interface ObjectEvent {
  readonly isWarning: boolean;
  /** In a word, such as `ProvisioningFailed`. */
  readonly reason: string;
  readonly message: string;
}

/** What was said about an object, newest first. */
export async function eventsOf(api: ClusterApi, ref: ObjectRef): Promise<ObjectEvent[]> {
  const { kind, name, namespace } = ref;
  const found = await api.list(
    { apiVersion: 'v1', kind: 'Event', namespace },
    { fieldSelector: `involvedObject.kind=${kind},involvedObject.name=${name}` },
  );
  return found
    .map((event) => eventSchema.parse(event))
    .map((event) => ({ ...event, at: event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp }))
    .sort((a, b) => b.at.localeCompare(a.at))
    .map(({ type, reason, message }) => ({ isWarning: type === 'Warning', reason, message }));
}

const WARNINGS_SHOWN = 3;

/** The last warnings about an object, in order. Never throws because of events alone. */
export async function warningsOf(api: ClusterApi, ref: ObjectRef): Promise<string[]> {
  try {
    const warnings = (await eventsOf(api, ref)).filter(({ isWarning }) => isWarning);
    return warnings
      .slice(0, WARNINGS_SHOWN)
      .reverse()
      .map(({ reason, message }) => `${reason}: ${message}`);
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return [`its events can't be read (${error.message})`];
  }
}

/** What events say of why an object isn't as it should be: a warning rather than news. Never throws because of events alone. */
export async function reasonInEvents(api: ClusterApi, ref: ObjectRef): Promise<string | undefined> {
  try {
    const events = await eventsOf(api, ref);
    const event = events.find(({ isWarning }) => isWarning) ?? events[0];
    return event && `${event.reason}: ${event.message.replace(/[.\s]+$/, '')}`;
  } catch (error) {
    if (!(error instanceof ClusterError)) throw error;
    return `its events can't be read (${error.message})`;
  }
}
