/** What stands for src/weights/hub/resolveModel.ts in the browser's bundle: the model's files are fetched by then. */
export const resolveModel = async (model: string): Promise<string> => model
