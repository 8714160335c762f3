import { AppError } from '../errors.js';
import { CHANNEL_ATTRIBUTE, KEPT_ATTRIBUTES, SERVICE_CODE_ATTRIBUTE } from '../rules/vocabulary.js';
import type { Frame } from './run-frame.js';

/** Attributes that the rules read and that Intercom does not have any more: renamed, archived or deleted. */
export async function findMissingAttributes({ deps, call }: Frame): Promise<readonly string[]> {
  try {
    const [contact, conversation] = await Promise.all([
      deps.intercom.listContactAttributes(call),
      deps.intercom.listConversationAttributes(call),
    ]);
    const isThere = (listed: typeof contact, name: string): boolean =>
      listed.some((attribute) => attribute.name === name && !attribute.archived);
    return [
      ...[CHANNEL_ATTRIBUTE, SERVICE_CODE_ATTRIBUTE].filter((name) => !isThere(conversation, name)),
      ...KEPT_ATTRIBUTES.filter((name) => !isThere(contact, name)),
    ];
  } catch (error) {
    // The token may not be allowed to look; the run says enough without it.
    if (error instanceof AppError && error.code !== 'stopped') return [];
    throw error;
  }
}
