// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A binary min-heap of numbers in storage. Both operations touch at most log2(n) entries.
library PriorityHeap {
    error EmptyQueue();

    function insert(uint256[] storage heap, uint256 value) internal {
        uint256 slot = heap.length;
        heap.push(value);
        while (slot > 0) {
            uint256 parent = (slot - 1) / 2;
            uint256 above = heap[parent];
            if (above <= value) break;
            heap[slot] = above;
            slot = parent;
        }
        heap[slot] = value;
    }

    function top(uint256[] storage heap) internal view returns (uint256) {
        if (heap.length == 0) revert EmptyQueue();
        return heap[0];
    }

    function removeTop(uint256[] storage heap) internal returns (uint256 least) {
        least = top(heap);
        uint256 last = heap[heap.length - 1];
        heap.pop();
        uint256 length = heap.length;
        if (length == 0) return least;
        uint256 slot = 0;
        while (true) {
            uint256 child = 2 * slot + 1;
            if (child >= length) break;
            uint256 below = heap[child];
            if (child + 1 < length && heap[child + 1] < below) below = heap[++child];
            if (last <= below) break;
            heap[slot] = below;
            slot = child;
        }
        heap[slot] = last;
    }
}
