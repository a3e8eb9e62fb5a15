/** How failing vectors show an instruction word. */
export const disassembleForReport = (word: number): string => word.toString(16).padStart(8, '0');
