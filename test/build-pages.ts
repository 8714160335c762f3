export { buildPages as setup } from '../pages.config.js';
