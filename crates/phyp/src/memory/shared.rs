//! Memory that threads share.

use super::{BadAddress, Memory, PAGE_BYTES, WORD_BYTES, bytes, joint_pieces, pieces, range, word};
use papr::{GuestAddress, PAGE_SIZE};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

const WORD: usize = WORD_BYTES as usize;

/// Bytes that are backed when the first of them is touched. Pages that are neighbours mostly lie together, so
/// that they are copied at once.
const CHUNK_BYTES: usize = 16 * PAGE_BYTES;

/// Words as they lie in memory: a word's value is converted when it is accessed as a number, and bytes are
/// in place as they are.
#[repr(align(4096))]
struct Chunk([AtomicU64; CHUNK_BYTES / WORD]);

const _: () = assert!(align_of::<Chunk>() == PAGE_BYTES);

/// What a chunk holds that was never written.
static ZEROS: [u8; CHUNK_BYTES] = [0; CHUNK_BYTES];

/// Memory whose words are atomics. All that threads do to it at the same time is defined.
pub struct SharedMemory {
    size_bytes: u64,
    chunks: Box<[OnceLock<Box<Chunk>>]>,
}

impl Memory for SharedMemory {
    fn new(pages: u64) -> SharedMemory {
        let size_bytes = pages * PAGE_SIZE;
        let chunks = size_bytes.div_ceil(CHUNK_BYTES as u64);
        SharedMemory { size_bytes, chunks: (0..chunks).map(|_| OnceLock::new()).collect() }
    }

    #[inline]
    fn pages(&self) -> u64 {
        self.size_bytes / PAGE_SIZE
    }

    #[inline]
    fn load(&self, at: GuestAddress, order: Ordering) -> Result<u64, BadAddress> {
        let at = word(at, self.pages())?;
        let chunk = self.chunks[at / CHUNK_BYTES].get();
        Ok(chunk.map_or(0, |chunk| u64::from_be(chunk.word(at).load(order))))
    }

    #[inline]
    fn store(&self, at: GuestAddress, value: u64, order: Ordering) -> Result<(), BadAddress> {
        let at = word(at, self.pages())?;
        self.chunk(at).word(at).store(value.to_be(), order);
        Ok(())
    }

    #[inline]
    fn compare_exchange(
        &self,
        at: GuestAddress,
        current: u64,
        new: u64,
    ) -> Result<Result<u64, u64>, BadAddress> {
        let at = word(at, self.pages())?;
        let found = self.chunk(at).word(at).compare_exchange(
            current.to_be(),
            new.to_be(),
            Ordering::AcqRel,
            Ordering::Acquire,
        );
        Ok(found.map(u64::from_be).map_err(u64::from_be))
    }

    #[inline]
    fn prefetch_to_write(&self, at: GuestAddress) {
        if let Ok(at) = word(at, self.pages())
            && let Some(chunk) = self.backed(at)
        {
            bytes::prefetch_to_write(chunk.word(at));
        }
    }

    fn read(&self, at: GuestAddress, out: &mut [u8]) -> Result<(), BadAddress> {
        let start = range(at, out.len() as u64, self.size_bytes)?;
        for (chunk, offset, piece) in pieces(start, out.len(), CHUNK_BYTES) {
            match self.chunks[chunk].get() {
                Some(chunk) => bytes::read(&chunk.0, offset, &mut out[piece]),
                None => out[piece].fill(0),
            }
        }
        Ok(())
    }

    fn write(&self, at: GuestAddress, source: &[u8]) -> Result<(), BadAddress> {
        let start = range(at, source.len() as u64, self.size_bytes)?;
        for (_, offset, piece) in pieces(start, source.len(), CHUNK_BYTES) {
            bytes::write(&self.chunk(start + piece.start).0, offset, &source[piece]);
        }
        Ok(())
    }

    #[inline(always)]
    fn copy_to(
        &self,
        from: GuestAddress,
        destination: &SharedMemory,
        to: GuestAddress,
        len_bytes: u64,
    ) -> Result<(), BadAddress> {
        let from = range(from, len_bytes, self.size_bytes)?;
        let to = range(to, len_bytes, destination.size_bytes)?;
        let len = len_bytes as usize;
        let fits = |start: usize| len <= CHUNK_BYTES - start % CHUNK_BYTES;
        if fits(from)
            && fits(to)
            && let Some(source) = self.backed(from)
            && let Some(target) = destination.backed(to)
        {
            bytes::copy(&source.0, from % CHUNK_BYTES, &target.0, to % CHUNK_BYTES, len);
        } else {
            self.copy_pieces(from, destination, to, len);
        }
        Ok(())
    }

    fn clear(&self) {
        for word in self.chunks.iter().filter_map(OnceLock::get).flat_map(|chunk| &chunk.0) {
            word.store(0, Ordering::Relaxed);
        }
    }
}

impl SharedMemory {
    /// Copies bytes that are in the memories, in whichever chunks they lie.
    #[inline(never)]
    fn copy_pieces(&self, from: usize, destination: &SharedMemory, to: usize, len: usize) {
        let one_memory = std::ptr::eq(self, destination);
        for piece in joint_pieces(from, to, len, CHUNK_BYTES, one_memory) {
            let (from, to, len) = (from + piece.start, to + piece.start, piece.len());
            let (start, offset) = (from % CHUNK_BYTES, to % CHUNK_BYTES);
            let target = &destination.chunk(to).0;
            match self.backed(from) {
                Some(source) => bytes::copy(&source.0, start, target, offset, len),
                None => bytes::write(target, offset, &ZEROS[..len]),
            }
        }
    }

    /// The chunk of a byte, if any of it was ever touched.
    #[inline(always)]
    fn backed(&self, at: usize) -> Option<&Chunk> {
        self.chunks.get(at / CHUNK_BYTES)?.get().map(|chunk| &**chunk)
    }

    /// The chunk of a byte.
    #[inline(always)]
    fn chunk(&self, at: usize) -> &Chunk {
        self.chunks[at / CHUNK_BYTES].get_or_init(Chunk::zeroed)
    }
}

impl Chunk {
    #[cold]
    fn zeroed() -> Box<Chunk> {
        Box::new(Chunk([const { AtomicU64::new(0) }; _]))
    }

    /// The word at a byte of the memory that is a multiple of 8.
    #[inline]
    fn word(&self, at: usize) -> &AtomicU64 {
        &self.0[at % CHUNK_BYTES / WORD]
    }
}

impl fmt::Debug for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let touched = self.chunks.iter().filter(|chunk| chunk.get().is_some()).count();
        f.debug_struct("SharedMemory")
            .field("pages", &self.pages())
            .field("touched_chunks", &touched)
            .finish()
    }
}
