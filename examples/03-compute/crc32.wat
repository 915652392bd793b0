;; The CRC-32 of the input (ITU-T V.42, as in zip files), four bytes, the lowest first.
;; What a module may import and export: spec/computation.md
(module
  (import "palisade" "input_read" (func $read (param i32 i32 i32) (result i32)))
  (import "palisade" "output_write" (func $write (param i32 i32)))
  (memory (export "memory") 1)

  ;; Takes one byte into the CRC, bit by bit.
  (func $step (param $crc i32) (param $byte i32) (result i32) (local $bit i32)
    (local.set $crc (i32.xor (local.get $crc) (local.get $byte)))
    (local.set $bit (i32.const 8))
    (loop $bits
      (local.set $crc
        (i32.xor
          (i32.shr_u (local.get $crc) (i32.const 1))
          (i32.and (i32.const 0xedb88320)
            (i32.sub (i32.const 0) (i32.and (local.get $crc) (i32.const 1))))))
      (br_if $bits (local.tee $bit (i32.sub (local.get $bit) (i32.const 1)))))
    (local.get $crc))

  ;; Reads the input a page at a time; a read behind its end gives nothing.
  (func (export "run") (local $crc i32) (local $offset i32) (local $length i32) (local $at i32)
    (local.set $crc (i32.const -1))
    (block $done (loop $pages
      (local.set $length (call $read (local.get $offset) (i32.const 0) (i32.const 65536)))
      (br_if $done (i32.eqz (local.get $length)))
      (local.set $at (i32.const 0))
      (loop $bytes
        (local.set $crc (call $step (local.get $crc) (i32.load8_u (local.get $at))))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br_if $bytes (i32.lt_u (local.get $at) (local.get $length))))
      (local.set $offset (i32.add (local.get $offset) (local.get $length)))
      (br $pages)))
    (i32.store (i32.const 0) (i32.xor (local.get $crc) (i32.const -1)))
    (call $write (i32.const 0) (i32.const 4))))
