// Many questions to one process that keeps answering, since starting it costs more than an answer.

/**
 * The answer to each question, in order. `together` asks one process everything that is left and returns the answers up
 * to where it broke; the question there is asked `alone`, so that a crash or a hang is attributed to it and to no
 * other.
 */
export async function inTurn<Question, Answer>(
  questions: readonly Question[],
  together: (rest: readonly Question[]) => Promise<Answer[]>,
  alone: (question: Question) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = [];
  while (answers.length < questions.length) {
    answers.push(...(await together(questions.slice(answers.length))));
    const broken = questions[answers.length];
    if (broken !== undefined) answers.push(await alone(broken));
  }
  return answers;
}
