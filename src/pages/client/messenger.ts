import { Intercom, shutdown } from '@intercom/messenger-js-sdk';

const settings = document.querySelector<HTMLElement>('#messenger')?.dataset;
const appId = settings?.['appId'];

if (appId !== undefined) {
  const userJwt = settings?.['userJwt'];
  Intercom({
    app_id: appId,
    region: regionOf(settings?.['region']),
    ...(userJwt === undefined ? {} : { intercom_user_jwt: userJwt }),
  });
  // Whoever uses this browser next must not read the conversation.
  document.querySelector('#sign-out')?.addEventListener('submit', () => shutdown());
}

function regionOf(name: string | undefined): 'us' | 'eu' | 'ap' {
  return name === 'eu' || name === 'ap' ? name : 'us';
}
