import { exerciseEngine } from '../src/store/exercise/exercise-engine.js';
import { engine } from './support/sqlite-engine.js';

exerciseEngine(engine);
