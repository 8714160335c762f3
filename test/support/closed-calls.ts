import { createFilledHarness, populated } from './filled-harness.js';

/**
 * Closes so many calls, each of another member in turn. Answers what is wrong before and after it, how many closes have
 * changed attributes, and how many writes that took.
 */
export async function closeCalls(calls: number, members: number) {
  const harness = await createFilledHarness(populated({ members, seed: 5 }));
  const { workspace, clock } = harness;
  const wrongBefore = await harness.wrongAttributes();
  const users = workspace.contacts().filter((contact) => contact.role === 'user' && !contact.archived);
  const before = workspace.calls.writes;
  let changed = 0;
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
    if (workspace.contact(user.id).customAttributes !== held) changed += 1;
  }
  const wrong = [...wrongBefore, ...(await harness.wrongAttributes())];
  return { wrong, changed, writes: workspace.calls.writes - before };
}
