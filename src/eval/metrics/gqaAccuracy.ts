/** Whether an answer is GQA's: the same text, as its evaluation compares it, but for capitals and blanks around it. */
export const isGqaAnswer = (prediction: string, answer: string): boolean =>
  prediction.trim().toLowerCase() === answer.trim().toLowerCase()
