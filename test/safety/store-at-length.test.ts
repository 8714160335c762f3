import { exerciseEngineAtLength } from '../../src/store/exercise/exercise-engine.js';
import { engine } from '../support/sqlite-engine.js';

exerciseEngineAtLength(engine);
