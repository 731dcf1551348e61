import { pointIdOf, pointKey, timeOfId } from '../repository-layout';

const ISO_8601 = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:[.,]\d{1,9})?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;
const EXAMPLE = "write ISO 8601 such as '2026-11-23T08:30:00Z', or the ID of a recovery point";

/**
 * The time that a user typed: ISO 8601, or the ID of a recovery point, which stands for the time in it.
 *
 * Without a zone it is UTC, as in every ID and every output, so that a command means the same on every machine.
 */
export function parseInstant(text: string): Date {
  if (isPointId(text)) return timeOfId(text);
  const [, day, minute = '00:00', second = ':00', zone = 'Z'] = ISO_8601.exec(text) ?? [];
  if (day === undefined) throw new Error(`'${text}' is no time; ${EXAMPLE}`);
  const instant = new Date(`${day}T${minute}${second.replace(',', '.')}${normalZone(zone)}`);
  if (Number.isNaN(instant.getTime()) || !isCalendarDay(day))
    throw new Error(`'${text}' doesn't exist in the calendar; ${EXAMPLE}`);
  return instant;
}

/** Whether the text has the form of a recovery point's ID. */
export function isPointId(text: string): boolean {
  return pointIdOf(pointKey(text)) === text;
}

function normalZone(zone: string): string {
  if (zone.toUpperCase() === 'Z') return 'Z';
  const digits = zone.slice(1).replace(':', '');
  return `${zone.slice(0, 1)}${digits.slice(0, 2)}:${digits.slice(2) || '00'}`;
}

// JavaScript turns 30 February into 2 March without a word.
function isCalendarDay(day: string): boolean {
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
