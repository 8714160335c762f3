import { expect } from 'vitest';
import { createFilledHarness, populated } from './filled-harness.js';

/** Closes so many calls, each of another member in turn: all attributes are right after it, with one write for each call. */
export async function closeCalls(calls: number, members: number): Promise<void> {
  const harness = await createFilledHarness(populated({ members, seed: 5 }));
  const { workspace, clock } = harness;
  expect(await harness.wrongAttributes()).toEqual([]);

  const users = workspace.contacts().filter((contact) => contact.role === 'user' && !contact.archived);
  const before = workspace.calls.writes;
  let expected = 0;
  for (let number = 0; number < calls; number += 1) {
    clock.advance(1000);
    const user = users[number % users.length];
    if (user === undefined) throw new Error('no member');
    const { id } = workspace.addConversation({
      contactIds: [user.id],
      adminId: 5_210_001,
      startedBy: 'admin',
      sourceType: 'phone_call',
    });
    await harness.settle();
    const held = workspace.contact(user.id).customAttributes;
    workspace.closeConversation(id, { channel: 'Video Conference', serviceCode: 'Health Coaching 001' });
    await harness.settle();
    if (workspace.contact(user.id).customAttributes !== held) expected += 1;
  }
  expect(await harness.wrongAttributes()).toEqual([]);
  expect(expected).toBe(calls);
  expect(workspace.calls.writes - before).toBe(calls);
}
