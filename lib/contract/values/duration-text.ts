import { z } from 'zod';
import { parseDuration } from './duration';

/** A duration as a user writes it and as it stays in the plan, checked by `parseDuration`. */
export const durationText = z.string().superRefine((text, context) => {
  try {
    parseDuration(text);
  } catch (error) {
    context.addIssue({ code: 'custom', message: `must be a duration: ${(error as Error).message}` });
  }
});
