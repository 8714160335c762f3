export interface Subject {
  readonly kind: 'conversation' | 'contact';
  readonly id: string;
}
