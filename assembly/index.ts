export { adamwStep } from './adamw'
export { fillDropoutMask } from './dropout'
export { sumSquares } from './sumSquares'
