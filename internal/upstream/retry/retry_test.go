package retry

import "testing"

func TestBudget(t *testing.T) {
	var b Budget
	retries := 0
	for range 1000 {
		b.Deposit(0.2)
		if b.Withdraw(0.2) {
			retries++
		}
	}
	if retries < 205 || retries > 215 {
		t.Errorf("%d retries of 1000 requests, want 200 and the reserve of 10", retries)
	}
	for range 10000 {
		b.Deposit(0.2)
	}
	retries = 0
	for b.Withdraw(0.2) {
		retries++
	}
	if retries < 99 || retries > 101 {
		t.Errorf("a burst of %d retries after a quiet time, want 100", retries)
	}
	if !new(Budget).Withdraw(0) {
		t.Error("without a budget something bounds retries")
	}
}
